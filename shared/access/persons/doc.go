// Package persons keeps the names behind actors of persons, apart from all that cannot be changed.
//
// Entries, archive and events have the actor alone, which is a pseudonym. The name of its person is
// in one row of the control table: it can be shown to those who may know it, and erased for good.
//
// It promises that a name which was erased is not kept again, also when its person sends another
// request; that noting a name never delays a request, since Note only queues it; and that a name is
// read from the table at each time, so that it is shown nowhere once it was erased. It does not
// promise to have every name: of more than can be written, some are kept at the person's next
// token.
//
// Walk: Directory.Note -> Directory.Run -> Directory.Names -> Erase. Next on the walk: oidc.
package persons
