// Package lines reads the lines of a bulk request, and keeps those in progress in their order.
//
// It promises bounds: of a line that is too long nothing is kept, and a Window holds so many lines
// and no more.
//
// Walk: Reader.Next -> Window.Add -> Window.Take. Next on the walk: api, whose bulk uses both.
package lines
