// Package admission decides what work may begin now: a Gate bounds how much of one kind is in
// progress, by how long it takes, and keeps a share of it free of each caller; Rates bound how many
// requests a caller sends in a second.
//
// It promises that no caller holds more than half of a gate's places while another caller uses the
// gate, that work which waits is admitted one caller after the other, and that its memory has a
// bound however many callers there are. It knows callers by name only, and neither HTTP nor
// commands: package web refuses requests by what it says.
//
// All of it is of one process: two processes admit twice as much.
//
// Walk: Gate.Through -> Gate.enter -> Gate.adapt; Gate.EnterPatiently for bulk. Next on the walk:
// api.
package admission
