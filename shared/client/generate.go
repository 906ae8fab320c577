package client

//go:generate go tool oapi-codegen -config oapi-codegen.yaml -o types.gen.go ../api/openapi.yaml
