// Package overview is the console's pages of the pipeline: Overview, which shows how the bank is at
// a glance, and Pipeline, which shows its parts one by one.
//
// It promises that each figure is one of GET /v1/ops/pipeline or GET /v1/events, read as the person
// who looks; that what is not known is "–"; and that the pages say the same without JavaScript, and
// on a narrow screen, as in the picture. It does not judge: states and what needs attention are the
// API's.
//
// Walk: Routes -> Pages.overview -> draw -> Pages.pipeline. Next on the walk: pipeline.
package overview
