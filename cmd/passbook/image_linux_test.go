package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// top is the directory of the module.
const top = "../.."

// buildLimit bounds a build by a machine that has nothing compiled.
const buildLimit = 10 * time.Minute

// image is what the last stage of the Dockerfile makes, without Docker: a directory with its files,
// and how a container begins. As root, programs run in it as Docker runs them: the directory is
// their root, and they are the image's user. Another user is unprivileged already, and runs them
// where they are.
type image struct {
	root        string
	env         []string
	user        int
	cmd, health []string
	// volume is where data is kept, ports are those that others reach.
	volume string
	ports  []string
}

// word is one word of a line of the Dockerfile.
var word = regexp.MustCompile(`\S+`)

// readDockerfile reads the last stage of the Dockerfile, and fails on what this test does not do.
func readDockerfile(t *testing.T) (i image, copies []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, stage, _ := strings.Cut(string(text), "\nFROM scratch\n")
	for line := range strings.Lines(stage) {
		words := word.FindAllString(line, -1)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		rest := strings.TrimSpace(strings.TrimPrefix(line, words[0]))
		switch words[0] {
		case "COPY":
			copies = append(copies, rest)
		case "ENV":
			i.env = append(i.env, words[1:]...)
		case "USER":
			if _, err := fmt.Sscanf(rest, "%d:", &i.user); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		case "CMD":
			err = json.Unmarshal([]byte(rest), &i.cmd)
		case "HEALTHCHECK":
			err = json.Unmarshal([]byte(rest[strings.Index(rest, "["):]), &i.health)
		case "VOLUME":
			i.volume = rest
		case "EXPOSE":
			i.ports = words[1:]
		default:
			t.Fatalf("the Dockerfile's last stage has a line that this test does not know: %s", line)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return i, copies
}

// dockerRun matches the README's line, with port and volume of the container.
var dockerRun = regexp.MustCompile(`docker run -p \d+:(\d+) -v \w+:(\S+) passbook`)

// The README publishes the port that the image listens on, and mounts the volume that it writes to.
func TestTheReadmeRunsTheImage(t *testing.T) {
	i, _ := readDockerfile(t)
	readme, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	line := dockerRun.FindStringSubmatch(string(readme))
	if line == nil || !slices.Contains(i.ports, line[1]) || !slices.Contains(i.env, "PASSBOOK_LISTEN=0.0.0.0:"+line[1]) ||
		line[2] != i.volume || !slices.Contains(i.env, "PASSBOOK_DATA="+i.volume) {
		t.Errorf("the README has %q, the image the ports %v, the volume %s and %q", line, i.ports, i.volume, i.env)
	}
}

// build makes the image's files, by the command that the Dockerfile makes them by.
func build(t *testing.T) image {
	t.Helper()
	i, copies := readDockerfile(t)
	want := []string{
		"--from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/", "--from=build /app /app",
		fmt.Sprintf("--from=build --chown=%[1]d:%[1]d /data /data", i.user),
	}
	if !slices.Equal(copies, want) {
		t.Fatalf("the image has %q, and this test copies %q", copies, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), buildLimit)
	defer cancel()
	dist := exec.CommandContext(ctx, "make", "--no-print-directory", "dist", "ARCHES="+runtime.GOARCH)
	dist.Dir = top
	if said, err := dist.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, said)
	}
	i.root = t.TempDir()
	err := os.CopyFS(filepath.Join(i.root, "app"), os.DirFS(filepath.Join(top, "bin/dist", runtime.GOARCH)))
	for _, dir := range []string{"data", "etc/ssl/certs"} {
		if err == nil {
			err = os.MkdirAll(filepath.Join(i.root, dir), 0o755)
		}
	}
	if err == nil {
		err = os.Chmod(i.root, 0o755)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(filepath.Join(i.root, "data"), i.user, i.user)
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// aPort matches the port of a variable that names a listener.
var aPort = regexp.MustCompile(`(_LISTEN=.*):\d+$`)

// publish returns the image with free ports in place of the ones that Docker has for each
// container, and with this one for the API, as if docker run -p published it.
func (i image) publish(port string) image {
	i.env = slices.Clone(i.env)
	for n, variable := range i.env {
		i.env[n] = aPort.ReplaceAllString(variable, "$1:0")
	}
	i.env = append(i.env, "PASSBOOK_LISTEN=0.0.0.0:"+port)
	return i
}

// command returns a command in the image, with what it writes.
func (i image) command(ctx context.Context, args ...string) (cmd *exec.Cmd, out, errOut *programtest.Lines) {
	out, errOut = new(programtest.Lines), new(programtest.Lines)
	cmd = exec.CommandContext(ctx, filepath.Join(i.root, "app", args[0]), args[1:]...)
	cmd.Stdout, cmd.Stderr = out, errOut
	if os.Geteuid() != 0 {
		for _, variable := range i.env {
			name, value, _ := strings.Cut(variable, "=")
			if strings.HasPrefix(value, "/") {
				value = filepath.Join(i.root, value)
			}
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return cmd, out, errOut
	}
	cmd.Path, cmd.Dir, cmd.Env = "/app/"+args[0], "/", i.env
	id := uint32(i.user)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: id, Gid: id}}
	return cmd, out, errOut
}

// run runs a command to its end, as docker exec does.
func (i image) run(t *testing.T, args ...string) programtest.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programtest.Patience)
	defer cancel()
	cmd, out, errOut := i.command(ctx, args...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%q: %v", args, err)
	}
	return programtest.Outcome{Code: cmd.ProcessState.ExitCode(), Out: out.String(), ErrOut: errOut.String()}
}

// start begins a container, waits until it is healthy, and returns what it printed by then and what
// ends it as docker stop does.
func (i image) start(t *testing.T) (printed string, stop func()) {
	t.Helper()
	cmd, out, errOut := i.command(context.WithoutCancel(t.Context()), i.cmd...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // unless it has ended
	programtest.Every(t, 200*time.Millisecond, "the container becomes healthy", func() error {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s%s", err, out.String(), errOut.String())
		default:
		}
		if got := i.run(t, i.health...); got.Code != 0 {
			return fmt.Errorf("%d %s", got.Code, got.ErrOut)
		}
		return nil
	})
	return out.String(), func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("it ended: %v\n%s", err, errOut.Tail(4000))
			}
		case <-time.After(programtest.Patience):
			t.Fatalf("it still runs %v after SIGTERM", programtest.Patience)
		}
	}
}

// ask sends a request with a key and returns the answer.
func ask(t *testing.T, method, url, key, body string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "k-"+body)
	}
	client := http.Client{Timeout: programtest.Patience}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// The image as the README runs it: the first start prints a key, with which an account is opened
// and money moves; what it writes is on the volume and nobody else's; docker exec makes another
// key; and a container on the same volume has the money and prints no key.
func TestTheImageServesWhoHasTheKeyThatItPrints(t *testing.T) {
	port := freePort(t)
	i := build(t).publish(port)
	base := "http://127.0.0.1:" + port + "/v1/accounts"
	printed, stop := i.start(t)
	keys := regexp.MustCompile(`pb_[0-9A-Za-z]+_[0-9A-Za-z]+`).FindAllString(printed, -1)
	if len(keys) != 1 {
		t.Fatalf("it prints %d keys:\n%s", len(keys), printed)
	}
	if status, text := ask(t, http.MethodGet, base, "", ""); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d %s", status, text)
	}
	for _, call := range []struct{ path, body string }{{"", `{"account_id":"A-1","currency":"EUR"}`}, {"/A-1/credits", `{"amount":500,"currency":"EUR"}`}} {
		if status, text := ask(t, http.MethodPost, base+call.path, keys[0], call.body); status != http.StatusCreated {
			t.Fatalf("POST %s: %d %s", call.path, status, text)
		}
	}
	made := i.run(t, "bank", "key", "create", "--name", "reader", "--scopes", "accounts:read", "--json")
	var reader struct{ Key string }
	if err := json.Unmarshal([]byte(made.Out), &reader); made.Code != 0 || err != nil {
		t.Fatalf("bank key create: %d, %v\n%s%s", made.Code, err, made.Out, made.ErrOut)
	}
	checkFiles(t, i)
	stop()

	if printed, stop = i.start(t); strings.Contains(printed, "pb_") {
		t.Errorf("a later start prints a key:\n%s", printed)
	}
	if status, text := ask(t, http.MethodGet, base+"/A-1/balance?min_version=2&wait=10s", reader.Key, ""); status != http.StatusOK || !strings.Contains(text, `"posted":500`) {
		t.Errorf("the balance: %d %s", status, text)
	}
	stop()
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// checkFiles checks that the container wrote on its volume only, and there only for its user.
func checkFiles(t *testing.T, i image) {
	t.Helper()
	owner, found := os.Geteuid(), false
	if owner == 0 {
		owner = i.user
	}
	err := filepath.WalkDir(filepath.Join(i.root, "data"), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 || int(info.Sys().(*syscall.Stat_t).Uid) != owner {
			t.Errorf("%s has mode %v and is user %d's", name, info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
		}
		found = found || d.Name() == "first-key"
		return nil
	})
	if err != nil || !found {
		t.Errorf("the volume has the first key: %v, %v", found, err)
	}
	entries, err := os.ReadDir(i.root)
	var names bytes.Buffer
	for _, e := range entries {
		fmt.Fprint(&names, e.Name(), " ")
	}
	if err != nil || names.String() != "app data etc " {
		t.Errorf("the container has %s: %v", names.String(), err)
	}
}
