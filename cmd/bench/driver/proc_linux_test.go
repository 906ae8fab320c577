package driver

import (
	"os"
	"os/exec"
	"testing"
)

// TestAChildCounts checks that a process's tree has the time of a child that runs and of one that
// has ended.
func TestAChildCounts(t *testing.T) {
	before := CPUOfTree(os.Getpid())
	const loop = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read line"
	c := exec.Command("sh", "-c", loop)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	runs, own := CPUOfTree(os.Getpid())-before, CPUOf(c.Process.Pid)
	if own == 0 || runs < own {
		t.Errorf("the tree used %v while a child of it used %v", runs, own)
	}
	if all, child := MemoryOfTree(os.Getpid()), MemoryOfTree(c.Process.Pid); child == 0 || all <= child {
		t.Errorf("%d bytes, of which a child has %d", all, child)
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if ended := CPUOfTree(os.Getpid()) - before; ended < own {
		t.Errorf("the tree has %v after a child ended that used %v", ended, own)
	}
}
