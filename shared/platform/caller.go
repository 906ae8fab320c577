package platform

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// callerDeadline bounds the question who the caller is. A job waits for the answer and can do
// without it.
const callerDeadline = 5 * time.Second

// maxCaller is the most bytes of a caller's name.
const maxCaller = 64

// OSUser returns the user of this machine that runs the process, as the actor of what it does:
// os:1000.
func OSUser() string { return "os:" + strconv.Itoa(os.Getuid()) }

// Account implements Admin.
func (s *embeddedStore) Account() string { return "" }

// Account implements Admin. An ARN of a table has it, so nobody needs to be asked.
func (s *awsStore) Account() string { return s.tables.Account() }

// Caller implements Admin.
func (s *embeddedStore) Caller(context.Context) string { return OSUser() }

// Caller implements Admin. Any identity may ask STS who it is. Where STS does not answer, the
// caller is the access key's id, by which CloudTrail finds the session.
func (s *awsStore) Caller(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, callerDeadline)
	defer cancel()
	answer, err := sts.NewFromConfig(s.sdk).GetCallerIdentity(ctx, nil)
	if err == nil {
		if name := callerName(aws.ToString(answer.Arn)); name != "" {
			return name
		}
	}
	name := "unknown"
	if key, keyErr := s.sdk.Credentials.Retrieve(context.WithoutCancel(ctx)); keyErr == nil && key.AccessKeyID != "" {
		name = key.AccessKeyID
	}
	s.log.Warn("STS does not say who runs this job; the operators' log names the access key instead", "actor", "aws:"+name, "error", err)
	return bounded("aws:" + name)
}

// callerName returns the role or user of an ARN as an actor: aws:operator. The session of a role is
// left out, since it is often a person's address; CloudTrail has it.
func callerName(identity string) string {
	parsed, err := arn.Parse(identity)
	if err != nil {
		return ""
	}
	parts := strings.Split(parsed.Resource, "/")
	switch {
	case parts[0] == "assumed-role" && len(parts) > 1:
		return bounded("aws:" + parts[1])
	default: // user/path/name, federated-user/name, root
		return bounded("aws:" + parts[len(parts)-1])
	}
}

// bounded returns a name up to maxCaller bytes.
func bounded(name string) string { return name[:min(len(name), maxCaller)] }
