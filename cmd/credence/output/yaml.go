package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// writeYAML writes a JSON document as YAML, with the members in their order
// and the numbers digit by digit.
func writeYAML(w io.Writer, document json.RawMessage) error {
	const indent = 2
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	node, err := nextNode(decoder)
	if err != nil {
		return fmt.Errorf("cannot print the answer as YAML: %w", err)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(indent)
	return errors.Join(encoder.Encode(node), encoder.Close())
}

// nextNode reads one value.
func nextNode(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch value := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		if value == '{' {
			node.Kind = yaml.MappingNode
		}
		for decoder.More() { // in an object, names and values take turns
			child, err := nextNode(decoder)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err := decoder.Token() // the closing delimiter
		return node, err
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: value.String()}, nil
	default:
		node := &yaml.Node{}
		return node, node.Encode(value)
	}
}
