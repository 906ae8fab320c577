package ops

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/web"
)

// Routes returns the routes of the registry. Mount them only on a server that listens on loopback,
// refuses other hosts (web.Config.LocalOnly), and asks the registry for credentials.
func (r *Registry) Routes() []web.Route {
	routes := []web.Route{
		{Method: http.MethodPost, Path: "/ops/jobs", Scopes: access.OpsWrite, Handler: r.start},
		{Method: http.MethodGet, Path: "/ops/jobs", Scopes: access.OpsRead, Handler: r.list},
		{Method: http.MethodGet, Path: "/ops/jobs/{job_id}", Scopes: access.OpsRead, Handler: r.get},
		{Method: http.MethodDelete, Path: "/ops/jobs/{job_id}", Scopes: access.OpsWrite, Handler: r.stop},
	}
	for i := range routes {
		routes[i].Handler = r.proving(withoutParameters(routes[i].Handler))
	}
	return routes
}

// The headers by which a client asks for a proof that the other end knows the secret, and gets it.
const (
	headerNonce = "Passbook-Nonce"
	headerProof = "Passbook-Proof"
)

// proving lets every answer prove that it is from who knows the secret: after a bank that was
// killed, another user's process may listen where it did.
func (r *Registry) proving(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if nonce := c.Request().Header.Get(headerNonce); nonce != "" {
			c.Response().Header().Set(headerProof, proof(r.secret, nonce))
		}
		return next(c)
	}
}

// proof returns the proof of who knows a secret, given by its hash, for a nonce.
func proof(secret [sha256.Size]byte, nonce string) string {
	mac := hmac.New(sha256.New, secret[:])
	_, _ = mac.Write([]byte(nonce)) // it never fails
	return hex.EncodeToString(mac.Sum(nil))
}

// withoutParameters refuses requests that have query parameters: a job takes its own from the body.
func withoutParameters(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := web.ParseQuery(c).Problem(); err != nil {
			return err
		}
		return next(c)
	}
}

// Authenticate implements access.Authenticator: the bearer is the registry's secret, and the
// principal is the user that this process runs as, who alone can read it.
func (r *Registry) Authenticate(_ context.Context, bearer string) (*access.Principal, error) {
	given := sha256.Sum256([]byte(bearer))
	if subtle.ConstantTimeCompare(given[:], r.secret[:]) != 1 {
		return access.Nobody, fmt.Errorf("%w: not the secret in the file ops of the data directory", access.ErrInvalid)
	}
	return r.owner, nil
}

func (r *Registry) start(c echo.Context) error {
	body, problem := web.ReadBody(nil, c.Request())
	if problem != nil {
		return problem
	}
	asked, err := parseRequest(body)
	if err != nil {
		return err
	}
	asked.Actor = cmp.Or(asked.Actor, access.From(c.Request().Context()).Actor)
	job, err := r.Start(asked)
	switch {
	case errors.Is(err, ErrUnknown):
		return web.Invalid("job", account.FieldNotOneOf)
	case errors.Is(err, ErrRunning):
		return web.Refuse(api.JobRunning)
	case errors.Is(err, ErrParams):
		p := web.Refuse(web.ValidationFailed)
		p.Members = append(p.Members, web.Member{Name: "cause", Value: err.Error()})
		return p
	case errors.Is(err, ErrClosed):
		return web.Refuse(web.ShuttingDown)
	case err != nil:
		return err
	}
	c.Response().Header().Set("Location", "/ops/jobs/"+job.ID)
	return reply(c, http.StatusAccepted, job)
}

// actors matches those that a caller may say that it is: a user of this machine.
var actors = regexp.MustCompile(`^os:[0-9]{1,10}$`)

// maxReason is the most characters of a reason.
const maxReason = 140

// parseRequest returns the request of a body. The job's parameters are the members that are not the
// request's; they may be nested, and the job parses them.
func parseRequest(body []byte) (asked Request, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var members map[string]json.RawMessage
	if err := decoder.Decode(&members); err != nil || members == nil {
		return asked, web.Refuse(web.MalformedRequest)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return asked, web.Refuse(web.MalformedRequest)
	}
	if _, named := members["job"]; !named {
		return asked, web.Invalid("job", account.FieldRequired)
	}
	for name, to := range map[string]*string{"job": &asked.Job, "actor": &asked.Actor, "reason": &asked.Reason} {
		text, given := members[name]
		if given && (json.Unmarshal(text, to) != nil || *to == "") {
			return asked, web.Invalid(name, web.FieldWrongType)
		}
		delete(members, name)
	}
	switch {
	case asked.Actor != "" && !actors.MatchString(asked.Actor):
		return asked, web.Invalid("actor", account.FieldSyntax)
	case CheckReason(asked.Reason) != nil:
		return asked, web.Invalid("reason", account.FieldSyntax)
	}
	if asked.Params, err = json.Marshal(members); err != nil {
		return asked, fmt.Errorf("read job and parameters: %w", err)
	}
	return asked, nil
}

// CheckReason reports why a text is no reason for a job, or nil. Its errors match ErrParams.
func CheckReason(reason string) error {
	switch {
	case utf8.RuneCountInString(reason) > maxReason:
		return fmt.Errorf("%w: --reason is longer than %d characters", ErrParams, maxReason)
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl):
		return fmt.Errorf("%w: --reason has a line break, or another character that cannot be printed", ErrParams)
	}
	return nil
}

func (r *Registry) list(c echo.Context) error {
	return reply(c, http.StatusOK, map[string][]Job{"jobs": r.List()})
}

func (r *Registry) get(c echo.Context) error {
	job, ok := r.Get(c.Param("job_id"))
	if !ok {
		return web.Refuse(api.JobNotFound)
	}
	return reply(c, http.StatusOK, job)
}

func (r *Registry) stop(c echo.Context) error {
	job, ok := r.Cancel(c.Param("job_id"))
	if !ok {
		return web.Refuse(api.JobNotFound)
	}
	return reply(c, http.StatusAccepted, job)
}

func reply(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a job: %w", err)
	}
	web.Reply(c, status, body)
	return nil
}
