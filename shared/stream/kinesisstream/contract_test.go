package kinesisstream_test

import (
	"testing"

	"passbook/shared/awstest"
	"passbook/shared/stream/kinesisstream"
	"passbook/shared/stream/streamtest"
)

func TestContractOnAWS(t *testing.T) {
	streamtest.Run(t, harness)
}

func TestFanOutOnAWS(t *testing.T) {
	streamtest.RunFanOut(t, harness)
}

func harness(t testing.TB) streamtest.Harness {
	c := awstest.Config(t)
	first, second := kinesisstream.New(c), kinesisstream.New(c)
	return streamtest.Harness{
		First: first, Second: second, Create: second.CreateStream, Delete: second.DeleteStream,
		Split: second.Split, Merge: second.Merge,
	}
}
