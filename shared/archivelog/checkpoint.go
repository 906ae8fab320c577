package archivelog

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// originPrefix begins the first line of a checkpoint and the name of its keys; the bank's id
// follows.
const originPrefix = "passbook/"

// atPrefix begins the line with the time of a checkpoint, which has six decimals as all times do.
const (
	atPrefix = "at "
	timeForm = "2006-01-02T15:04:05.000000Z"
)

// Checkpoint is the log's state at a moment: how many leaves it has, and their root.
type Checkpoint struct {
	Bank string
	Size int64
	Root tlog.Hash
	// At is when its newest leaf was added.
	At time.Time
}

// text returns what is signed: a checkpoint as C2SP's tlog-checkpoint defines it, whose only
// extension line is the time.
func (c Checkpoint) text() string {
	return originPrefix + c.Bank + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n" +
		atPrefix + c.At.UTC().Format(timeForm) + "\n"
}

// parseCheckpoint reads what text returns.
func parseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return c, fmt.Errorf("not a checkpoint of an archive: %.200q", text)
	}
	bank, named := strings.CutPrefix(lines[0], originPrefix)
	at, timed := strings.CutPrefix(lines[3], atPrefix)
	c.Bank = bank
	c.Size, err = strconv.ParseInt(lines[1], 10, 64)
	root, badRoot := base64.StdEncoding.DecodeString(lines[2])
	copy(c.Root[:], root)
	var badTime error
	c.At, badTime = time.Parse(timeForm, at)
	if err != nil || badRoot != nil || badTime != nil || !named || !timed || c.Size < 1 || c.text() != text {
		return c, fmt.Errorf("not a checkpoint of an archive: %.200q", text)
	}
	return c, nil
}

// OpenCheckpoint returns a signed checkpoint. It fails unless one of the keys signed it, and is a
// key of the bank that the checkpoint names.
func OpenCheckpoint(signed []byte, keys []note.Verifier) (Checkpoint, error) {
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint(opened.Text)
	if err != nil {
		return c, err
	}
	for _, by := range opened.Sigs {
		if by.Name == KeyName(c.Bank) {
			return c, nil
		}
	}
	return c, fmt.Errorf("checkpoint: the key of %s signed a checkpoint of bank %s", opened.Sigs[0].Name, c.Bank)
}

// sign returns the signed checkpoint.
func (c Checkpoint) sign(by note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, by)
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint of %d leaves: %w", c.Size, err)
	}
	return signed, nil
}
