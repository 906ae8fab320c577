// Package schematest checks what programs write to the streams with the JSON Schemas of package
// schemas.
//
// Validate fails the test for a document that violates its schema and names the place; Check
// returns the violation, for tests of what must not be valid. It is for tests only: no program
// imports it, or the validator that it uses.
package schematest
