package opsread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/bucket"
	"passbook/shared/opslog"
	"passbook/shared/segment"
	"passbook/shared/web"
)

// DownloadJob is the name of a download in the operators' log.
const DownloadJob = "segment-download"

// logMost bounds the write of an outcome, which is made although the caller is gone.
const logMost = 10 * time.Second

// mediaSegment is the media type of a segment.
const mediaSegment = "application/octet-stream"

// download answers with the bytes of a segment. The rows are of all tenants and have what people
// wrote, so the operators' log has who took them.
func (r *Reads) download(c echo.Context) (err error) {
	q := web.ParseQuery(c)
	key := q.String("key", bucket.MaxKeyBytes)
	if key == "" {
		q.Missing("key")
	} else if _, err := segment.ParseKey(key); err != nil {
		q.FailForm("key", account.FieldSyntax, "the key of a segment, which /v1/ops/archive/segments shows")
	}
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	object, err := r.Bucket.Open(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return web.InvalidForm("key", account.FieldNotOneOf, "the key of a segment of this archive, which /v1/ops/archive/segments shows")
	}
	if err != nil {
		return api.Unavailable(fmt.Errorf("open %s: %w", key, err))
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	params, err := json.Marshal(map[string]string{"key": key})
	if err != nil {
		return fmt.Errorf("download %s: %w", key, err)
	}
	action, err := opslog.Begin(ctx, r.Table, opslog.Action{Job: DownloadJob, Actor: access.From(ctx).Actor, Params: string(params)})
	if err != nil {
		return api.Unavailable(err)
	}
	sent := send(c, object, key)
	ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), logMost)
	defer cancel()
	return errors.Join(sent, action.End(ended, r.Table, outcomeOf(sent)))
}

// outcomeOf returns how a download ended.
func outcomeOf(err error) opslog.Outcome {
	if err != nil {
		return opslog.Outcome{State: opslog.Failed, ExitCode: 1, Error: err.Error()}
	}
	return opslog.Outcome{State: opslog.Done}
}

// send sends an object as a file.
func send(c echo.Context, object bucket.Object, key string) error {
	h := c.Response().Header()
	h.Set("Content-Type", mediaSegment)
	h.Set("Content-Length", strconv.FormatInt(object.Size(), 10))
	h.Set("Content-Disposition", `attachment; filename="`+fileName(key)+`"`)
	c.Response().WriteHeader(http.StatusOK)
	if _, err := io.Copy(c.Response(), io.NewSectionReader(object, 0, object.Size())); err != nil {
		return fmt.Errorf("send %s: %w", key, err)
	}
	return nil
}

// fileName returns the name of the file of a segment: its key has nothing that must be quoted.
func fileName(key string) string {
	return strings.ReplaceAll(path.Base(path.Dir(key)), `"`, "") + "-" + strings.ReplaceAll(path.Base(key), `"`, "")
}
