package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// HeaderSignature is the header with the time at which a body was sent, and its signatures.
const HeaderSignature = "Passbook-Signature"

// Sign returns the value of HeaderSignature for a body: t=<Unix seconds>, and for each secret
// v1=<HMAC-SHA-256 over t, a full stop and the body, in hexadecimal>.
func Sign(at time.Time, body []byte, secrets []string) string {
	t := strconv.FormatInt(at.Unix(), 10)
	var value strings.Builder
	value.WriteString("t=" + t)
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(t + "."))
		mac.Write(body)
		value.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return value.String()
}
