package affinity

// Rendezvous hashing: each writer has a weight for each account, and the heaviest owns it.
// Processes that see the same writers choose the same owner, and when a writer goes only its own
// accounts move.

// weight returns a writer's weight for an account. It is the same in every process and every
// version of the program.
func weight(writer string, account uint64) uint64 { return mix(hash(writer) ^ account) }

// hash returns FNV-1a of s, whose bits mix spreads.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h ^= uint64(s[i])
		h *= 1099511628211
	}
	return mix(h)
}

// mix applies the finalizer of SplitMix64: every bit of x changes every bit of the result.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
