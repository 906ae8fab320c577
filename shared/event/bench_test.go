package event

import "testing"

func BenchmarkDecodeRecord(b *testing.B) {
	for _, c := range []struct {
		name  string
		entry *Entry
	}{{"single", single()}, {"large", large()}} {
		b.Run(c.name, func(b *testing.B) {
			record := seal(b, c.entry).Record
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeRecord(record); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(c.entry.Events)*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, c := range []struct {
		name  string
		entry *Entry
	}{{"single", single()}, {"large", large()}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Seal(c.entry, testKeys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
