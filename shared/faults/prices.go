package faults

// Prices is a price list, in US dollars.
type Prices struct {
	// WriteUnit and ReadUnit are a million on-demand request units of DynamoDB, PutUnit a million
	// payload units of a provisioned Kinesis stream.
	WriteUnit, ReadUnit, PutUnit float64
	// ShardHour is one shard for an hour.
	ShardHour float64
	// TableGB is one GB of a table for a month, BackupGB one GB of its continuous backup.
	TableGB, BackupGB float64
	// BucketPut is a million PUT or LIST requests of S3, BucketGet a million GETs.
	BucketPut, BucketGet float64
}

// USEast1 are the published prices of us-east-1: DynamoDB on demand since November 2024, Kinesis
// provisioned, S3 Standard.
var USEast1 = Prices{
	WriteUnit: 0.625, ReadUnit: 0.125, PutUnit: 0.014, ShardHour: 0.015, TableGB: 0.25, BackupGB: 0.20,
	BucketPut: 5, BucketGet: 0.40,
}

// InfrequentAccess are the prices of a table of the class Standard-Infrequent Access in us-east-1,
// on demand; the rest is as in USEast1.
var InfrequentAccess = Prices{WriteUnit: 0.78, ReadUnit: 0.155, TableGB: 0.10, BackupGB: USEast1.BackupGB}

// Dollars is what requests cost, by port.
type Dollars struct{ Table, Stream, Bucket float64 }

// Sum returns the total.
func (d Dollars) Sum() float64 { return d.Table + d.Stream + d.Bucket }

// Of returns what the counted requests cost. Shards, which cost by the hour, and storage are not
// included.
func (p Prices) Of(c Counts) Dollars {
	const million = 1e6
	return Dollars{
		Table:  ((c.All(WriteUnits)+c.All(IndexUnits))*p.WriteUnit + c.All(ReadUnits)*p.ReadUnit) / million,
		Stream: c.All(PutUnits) * p.PutUnit / million,
		Bucket: ((c.All(BucketPuts)+c.All(BucketLists))*p.BucketPut + c.All(BucketGets)*p.BucketGet) / million,
	}
}
