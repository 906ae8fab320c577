package jobs

import (
	"cmp"
	"context"
	"regexp"

	"passbook/shared/access"
	"passbook/shared/access/persons"
	"passbook/shared/progress"
)

// ActorEraseParams are the parameters of actor-erase.
type ActorEraseParams struct {
	// Actor is the one whose person's name is erased. The actor of a job is who asks for it.
	Actor string `json:"person"`
	OfTenant
}

// personActors matches the actors of persons.
var personActors = regexp.MustCompile(`^oidc:[a-z2-7]{26}$`)

func (p ActorEraseParams) check() error {
	if !personActors.MatchString(p.Actor) {
		return wrong("%.80q is no actor of a person: it is oidc: and 26 letters, as the events have it", p.Actor)
	}
	return p.OfTenant.check()
}

func (ActorEraseParams) changes() bool { return true }

func (p ActorEraseParams) about() string { return cmp.Or(p.Tenant, access.MainTenant) }

// ErasedActor is an actor whose person's name was erased.
type ErasedActor struct {
	Tenant string `json:"tenant"`
	Actor  string `json:"actor"`
	// Had reports whether there was a name.
	Had bool `json:"had_name"`
}

// eraseActor erases the name of an actor's person for good.
func (b Bank) eraseActor(ctx context.Context, params ActorEraseParams, _ *progress.Tracker) (ErasedActor, error) {
	had, err := persons.Erase(ctx, b.Table, params.about(), params.Actor)
	return ErasedActor{Tenant: params.about(), Actor: params.Actor, Had: had}, err
}
