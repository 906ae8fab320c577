// Package apikey has the keys with which callers of the HTTP API say who they are, and checks them.
//
// A key is the text pb_<id>_<secret>. Its row in the control table has the SHA-256 of the secret
// and never the secret, so that who reads the table, a backup or the log of a job cannot call. The
// secret has 256 random bits: no slow hash is needed, and a check costs a microsecond.
//
// It promises that a check reads no table: a Keeper has all keys in memory, reads a count of their
// changes once a second, and lists them when it has changed. A new key is known within 2 seconds
// and a revoked one refused within 5, in every process. While the table is out of reach, the known
// keys are good for a minute; then each check fails with access.ErrUnavailable. A refusal says
// nothing about which part of a key was wrong except in its error, which never has the key's text.
//
// It does not promise the second of a revocation, does not keep when a key was used, and does not
// count who was refused. Who may make a key is for the program that calls Create.
//
// Walk: Generate -> Create -> Keeper.Run -> Keeper.Authenticate; Revoke. Next on the walk: control.
package apikey
