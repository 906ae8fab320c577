package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

const (
	// prefix begins every key, so that people and scanners of source code recognise one.
	prefix = "pb_"
	// alphabet are the characters of id and secret: a double click selects all of them, and none
	// is a separator.
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// idLength is the length of an id, and secretLength that of a secret: 43 random characters of
	// 62 are 256 bits. Six more are a checksum of id and secret, which finds typing mistakes
	// without a table.
	idLength     = 12
	secretLength = randomLength + checkLength
	randomLength = 43
	checkLength  = 6
	// checkedLength is how many characters the checksum is of: what SHA-256 takes in one block.
	checkedLength = idLength + randomLength

	secretAt = len(prefix) + idLength + 1
	// textLength is the length of a key.
	textLength = secretAt + secretLength
)

// Sum is the SHA-256 of a secret.
type Sum [sha256.Size]byte

// New is a key that has just been made up. Text is for its holder alone; ID and Sum are what is
// stored.
type New struct {
	Text, ID string
	Sum      Sum
}

// Generate returns a random key.
func Generate() New {
	id, random := appendRandom(nil, idLength), appendRandom(nil, randomLength)
	check := checksum([checkedLength]byte(slices.Concat(id, random)))
	secret := slices.Concat(random, check[:])
	return New{Text: prefix + string(id) + "_" + string(secret), ID: string(id), Sum: sha256.Sum256(secret)}
}

// appendRandom appends n random characters of the alphabet, each as likely as any other.
func appendRandom(text []byte, n int) []byte {
	const fair = 256 - 256%len(alphabet) // bytes from here on would favour the first characters
	for drawn := [64]byte{}; ; {
		rand.Read(drawn[:]) // never fails: crypto/rand ends the program instead
		for _, b := range drawn {
			if n == 0 {
				return text
			}
			if int(b) < fair {
				text = append(text, alphabet[int(b)%len(alphabet)])
				n--
			}
		}
	}
}

// checksum returns the check characters of id and secret: 32 bits of SHA-256, to base 62.
func checksum(text [checkedLength]byte) (check [checkLength]byte) {
	hash := sha256.Sum256(text[:])
	sum := binary.BigEndian.Uint32(hash[:])
	for i := checkLength - 1; i >= 0; i-- {
		check[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return check
}

// parse returns the id and the sum of a key's text, and whether it has the form of one. The time
// that it takes depends on the form alone.
func parse(text string) (id string, sum Sum, ok bool) {
	if len(text) != textLength || text[:len(prefix)] != prefix || text[secretAt-1] != '_' {
		return "", Sum{}, false
	}
	id, secret := text[len(prefix):secretAt-1], text[secretAt:]
	var buffer [idLength + secretLength]byte // on the stack
	copy(buffer[:], id)
	copy(buffer[idLength:], secret)
	if checksum([checkedLength]byte(buffer[:])) != [checkLength]byte(buffer[checkedLength:]) {
		return "", Sum{}, false
	}
	return id, sha256.Sum256(buffer[idLength:]), ValidID(id)
}

// ValidID reports whether a text has the form of an id.
func ValidID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for _, c := range []byte(id) {
		if c-'0' > 9 && c-'A' > 25 && c-'a' > 25 {
			return false
		}
	}
	return true
}
