package reference

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// sample are the values of the examples' paths.
var sample = strings.NewReplacer(
	"{account_id}", "A-1", "{transaction_id}", "t2", "{hold_id}", "h4", "{version}", "2", "{holder_ref}", "H-7", "{job_id}", "1",
)

// unkeyed takes the key out of examples, for a bank that asks for none.
var unkeyed = strings.NewReplacer(
	" \\\n  -H \"Authorization: Bearer $PASSBOOK_KEY\"", "",
	"request.Header.Set(\"Authorization\", \"Bearer \"+os.Getenv(\"PASSBOOK_KEY\"))\n", "",
	"    \"Authorization\": \"Bearer \" + os.environ[\"PASSBOOK_KEY\"],\n", "", "import os, ", "import ",
)

// examples returns an operation as a command for curl, and as code in Go and Python. They read the
// key from the environment, where the bank asks for one.
func examples(o operation, base string, keyed bool) (curl, goCode, python string) {
	path := sample.Replace(o.Path) + sampleQuery(o)
	body := strings.Join(strings.Fields(o.Body), " ")
	media := "application/json"
	if o.OperationID == "bulk" {
		media, body = "application/x-ndjson", strings.TrimSpace(o.Body)
	}
	command := o.Method != http.MethodGet
	curl, goCode, python = inCurl(o.Method, base+path, media, body, command), inGo(o.Method, base+path, media, body, command), inPython(o.Method, base+path, media, body, command)
	if !keyed {
		curl, goCode = unkeyed.Replace(curl), unkeyed.Replace(goCode)
		python = strings.Replace(unkeyed.Replace(python), ", headers={\n})", ")", 1)
	}
	return curl, goCode, python
}

// sampleQuery returns the required parameters of a query with values, as far as there are any.
func sampleQuery(o operation) string {
	var pairs []string
	for _, p := range o.Parameters {
		if p.In == "query" && p.Required {
			pairs = append(pairs, p.Name+"=1")
		}
	}
	if o.OperationID == "explainCreditLimit" {
		pairs = append(pairs, "amount=2500")
	}
	if len(pairs) == 0 {
		return ""
	}
	return "?" + strings.Join(pairs, "&")
}

func inCurl(method, address, media, body string, command bool) string {
	var b strings.Builder
	b.WriteString("curl -s")
	if command && method != http.MethodPost || command && body == "" {
		b.WriteString(" -X " + method)
	}
	fmt.Fprintf(&b, " '%s' \\\n  -H \"Authorization: Bearer $PASSBOOK_KEY\"", address)
	if command {
		b.WriteString(" \\\n  -H \"Idempotency-Key: $(uuidgen)\"")
	}
	if body != "" {
		fmt.Fprintf(&b, " \\\n  -H 'Content-Type: %s' \\\n  --data-binary '%s'", media, strings.ReplaceAll(body, "'", `'\''`))
	}
	return b.String()
}

func inGo(method, address, media, body string, command bool) string {
	var b strings.Builder
	reader := "nil"
	if body != "" {
		reader = "strings.NewReader(" + quoted(body) + ")"
	}
	fmt.Fprintf(&b, "request, err := http.NewRequestWithContext(ctx, %q, %q, %s)\nif err != nil {\n\treturn err\n}\n", method, address, reader)
	b.WriteString("request.Header.Set(\"Authorization\", \"Bearer \"+os.Getenv(\"PASSBOOK_KEY\"))\n")
	if command {
		b.WriteString("request.Header.Set(\"Idempotency-Key\", key) // one for each thing that is to happen\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "request.Header.Set(\"Content-Type\", %q)\n", media)
	}
	b.WriteString("response, err := http.DefaultClient.Do(request)")
	return b.String()
}

// quoted returns a Go string, raw where that reads better.
func quoted(s string) string {
	if strings.Contains(s, "`") {
		return strconv.Quote(s)
	}
	return "`" + s + "`"
}

func inPython(method, address, media, body string, command bool) string {
	var b strings.Builder
	b.WriteString("import os, urllib.request")
	if command {
		b.WriteString(", uuid")
	}
	fmt.Fprintf(&b, "\n\nrequest = urllib.request.Request(%q, method=%q", address, method)
	if body != "" {
		fmt.Fprintf(&b, ",\n    data=b%q", body)
	}
	b.WriteString(", headers={\n    \"Authorization\": \"Bearer \" + os.environ[\"PASSBOOK_KEY\"],\n")
	if command {
		b.WriteString("    \"Idempotency-Key\": str(uuid.uuid4()),  # one for each thing that is to happen\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "    \"Content-Type\": %q,\n", media)
	}
	b.WriteString("})\nprint(urllib.request.urlopen(request, timeout=30).read().decode())")
	return b.String()
}
