// Package filewrap implements keywrap with a key in a file, which only its owner can read.
//
// It promises that the file is complete or absent after a crash, that it has mode 0600, and that it
// is never made a second time once something was wrapped: without the file nothing could be
// unwrapped, and a new one would hide that. It does not protect from those who can read the owner's
// files. Data keys are encrypted by AES-256-GCM with the bank's id as additional data.
//
// Walk: New -> Wrapper.Wrap -> create. Next on the walk: kmswrap.
package filewrap
