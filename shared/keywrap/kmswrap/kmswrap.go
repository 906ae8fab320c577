package kmswrap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"passbook/shared/keywrap"
)

const (
	// callDeadline bounds a call with its repetitions.
	callDeadline = 30 * time.Second
	// bankContext is the name in the encryption context.
	bankContext = "bank"
	// aliasPrefix begins the name of an alias.
	aliasPrefix = "alias/"
)

// Wrapper implements keywrap.Wrapper. It is safe for concurrent use.
type Wrapper struct {
	client *kms.Client
	key    string
}

var _ keywrap.Wrapper = (*Wrapper)(nil)

// New returns the Wrapper of a key, named by its alias, id or ARN, for the configuration of the
// SDK: region, credentials, endpoint. It calls no service.
func New(c aws.Config, key string) *Wrapper {
	return &Wrapper{client: kms.NewFromConfig(c), key: key}
}

// Endpoint returns the endpoint that the configuration names, "" for that of AWS.
func (w *Wrapper) Endpoint() string { return aws.ToString(w.client.Options().BaseEndpoint) }

// Key returns the name of the key.
func (w *Wrapper) Key() string { return w.key }

// Wrap implements keywrap.Wrapper by one Encrypt.
func (w *Wrapper) Wrap(ctx context.Context, bank string, plain []byte) ([]byte, error) {
	if err := keywrap.CheckPlain(bank, plain); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	out, err := w.client.Encrypt(ctx, &kms.EncryptInput{
		KeyId: &w.key, Plaintext: plain, EncryptionContext: map[string]string{bankContext: bank},
	})
	if err != nil {
		return nil, w.failed("wrap", bank, err)
	}
	return out.CiphertextBlob, nil
}

// Unwrap implements keywrap.Wrapper by one Decrypt.
func (w *Wrapper) Unwrap(ctx context.Context, bank string, wrapped []byte) ([]byte, error) {
	if err := keywrap.CheckBank(bank); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	out, err := w.client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: &w.key, CiphertextBlob: wrapped, EncryptionContext: map[string]string{bankContext: bank},
	})
	if err != nil {
		return nil, w.failed("unwrap", bank, err)
	}
	return out.Plaintext, nil
}

// portErrors are the error codes of KMS for which the port has an error. AccessDeniedException is
// also the answer for a key of another account.
var portErrors = map[string]error{
	"InvalidCiphertextException": keywrap.ErrRefused,
	"IncorrectKeyException":      keywrap.ErrRefused,
	"AccessDeniedException":      keywrap.ErrRefused,
	"NotFoundException":          keywrap.ErrNoKey,
	"DisabledException":          keywrap.ErrNoKey,
	"KMSInvalidStateException":   keywrap.ErrNoKey,
}

// failed wraps an error with the operation, the bank and the key.
func (w *Wrapper) failed(what, bank string, err error) error {
	return fmt.Errorf("%s the data key of bank %s with %s: %w", what, bank, w.key, portError(err))
}

// portError wraps an answer of KMS with the error of the port, if there is one for it.
func portError(err error) error {
	if known := portErrors[code(err)]; known != nil {
		return fmt.Errorf("%w: %w", known, err)
	}
	return err
}

// code returns the error code of KMS, "" if KMS did not answer.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// CreateKey creates a symmetric key under the alias, if there is no key of that name. A key that is
// named by its id or ARN must exist.
func (w *Wrapper) CreateKey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	_, err := w.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &w.key})
	if err == nil {
		return nil
	}
	if code(err) != "NotFoundException" {
		return fmt.Errorf("look for the key %s: %w", w.key, err)
	}
	if !strings.HasPrefix(w.key, aliasPrefix) {
		return fmt.Errorf("look for the key %s: %w", w.key, portError(err))
	}
	key, err := w.client.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("Passbook's data keys, " + w.key)})
	if err != nil {
		return fmt.Errorf("create the key %s: %w", w.key, err)
	}
	_, err = w.client.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &w.key, TargetKeyId: key.KeyMetadata.KeyId})
	if code(err) == "AlreadyExistsException" { // another process was first; the key of this one is never used
		return nil
	}
	if err != nil {
		return fmt.Errorf("name the key %s: %w", w.key, err)
	}
	return nil
}
