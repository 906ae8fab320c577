#!/usr/bin/env bash
# cfn-lint over the templates, in the version that LocalStack uses: from host.sh's installation if there is one, else in a
# separate environment in the same cache directory.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_LOCALSTACK_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-localstack}
pin=$(grep '^cfn-lint==' "$here/../localstack/requirements.txt")

lint= # the program, in the pinned version
for candidate in "$home"/localstack-*/venv/bin/cfn-lint "$home/${pin//==/-}/bin/cfn-lint"; do
  if [ "$("$candidate" --version 2>/dev/null)" = "${pin//==/ }" ]; then
    lint=$candidate
    break
  fi
done
if [ -z "$lint" ]; then
  echo "installing ${pin//==/ } in $home"
  mkdir -p "$home"
  python3 -m venv --clear "$home/${pin//==/-}"
  # the same pins as LocalStack's, as far as cfn-lint needs them
  "$home/${pin//==/-}/bin/pip" install -qq --disable-pip-version-check -c "$here/../localstack/requirements.txt" "$pin"
  lint=$home/${pin//==/-}/bin/cfn-lint
fi
"$lint" --regions eu-central-1 us-east-1 --template "$here/template.yaml" "$here/console.yaml" "$here/webhooks.yaml" "$here/tables.yaml"
echo "deploy/template.yaml, deploy/console.yaml, deploy/webhooks.yaml and deploy/tables.yaml are clean"
