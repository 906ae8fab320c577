package kmswrap_test

import (
	"testing"

	"passbook/shared/awstest"
	"passbook/shared/keywrap/keywraptest"
	"passbook/shared/keywrap/kmswrap"
)

func TestContractOnAWS(t *testing.T) {
	keywraptest.Run(t, func(t testing.TB) keywraptest.Handles {
		c, prefix := awstest.Config(t), awstest.Prefix(t)
		first, other := kmswrap.New(c, "alias/"+prefix+"bank"), kmswrap.New(c, "alias/"+prefix+"other")
		for _, w := range []*kmswrap.Wrapper{first, other} {
			for _, want := range []bool{true, false} {
				if created, err := w.CreateKey(t.Context()); err != nil || created != want {
					t.Fatalf("created %v, %v; want %v", created, err, want)
				}
			}
		}
		return keywraptest.Handles{First: first, Second: kmswrap.New(c, "alias/"+prefix+"bank"), Other: other}
	})
}
