package bucket

import "io"

// Content returns all bytes of an open object, which it does not close. Its caller bounds the size
// of an object that it did not write. It fails if the object is shorter than it says.
func Content(o Object) ([]byte, error) {
	data := make([]byte, o.Size())
	_, err := io.ReadFull(io.NewSectionReader(o, 0, o.Size()), data)
	if err != nil {
		return nil, err
	}
	return data, nil
}
