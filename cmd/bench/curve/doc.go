// Package curve draws how something grows, as an SVG for the documents.
//
// It promises a drawing that is readable on a light and on a dark page, since it has its own
// background. It measures nothing. The drawing is done by a library that no program of the bank
// contains. Walk: Curve.SVG. Next on the walk: cmd/bench/scenario.
package curve
