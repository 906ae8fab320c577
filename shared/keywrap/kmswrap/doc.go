// Package kmswrap implements keywrap with a symmetric key in AWS KMS, or in an emulator of it.
//
// It promises one Encrypt for each Wrap and one Decrypt for each Unwrap, both with the encryption
// context {bank: <bank id>}, so that a policy can allow or deny them by bank and CloudTrail names
// the bank. Unwrap names the key as well: a data key that was wrapped with any other key is
// refused, even where the role might use that one.
//
// Walk: New -> Wrapper.Unwrap. CreateKey is for bank resources. Next on the walk: origin.
package kmswrap
