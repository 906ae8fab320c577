// Package browsertest opens pages of a running program in a real Chromium and checks what a person
// would see: for the tests of the console.
//
// It promises one browser for a test binary and separate cookies for each tab; that a missing
// Chromium is a failure which names what to install; and that every check names the page, the view
// and the element at fault. Checks look at any page, so that a new page needs no new check: axe,
// text that is clipped or overlaps also at twice its size, sideways scroll, layout shift, and
// errors on the console. Pictures have fixed times, ids and places, but the rates and sizes of
// their run: they are for eyes, and are not compared.
//
// PASSBOOK_BROWSER is the Chromium, PASSBOOK_AXE the file axe.min.js; cmd/bank/e2e/browser/run.sh
// sets both, and without the first Main leaves the tests out. PASSBOOK_PICTURES is the directory
// that pictures are written to. Walk: Main -> Open -> Tab.Visit -> Tab.Faults -> Tab.Picture.
package browsertest
