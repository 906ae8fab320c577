// Package backoff spaces repeated attempts: each pause is random, between half of a bound and all
// of it, and the bound doubles from a first one up to a last, so that callers that failed together
// do not come back together.
//
// It promises nothing about how often to try: that, and what is safe to repeat at all, is for the
// caller to say. One layer repeats a call and no more; which one it is, the ports' adapters say.
package backoff
