from serai.web.api_reader import TypeName, read_api

DOCUMENT = {
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/seats/{id}": {
            "get": {
                "tags": ["cinema"],
                "operationId": "seats",
                "summary": "Seats",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 9}},
                    {"name": "n", "in": "query", "schema": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                ],
                "responses": {
                    "200": {
                        "description": "OK",
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Seat"}}
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {"Seat": {"description": "A seat.", "required": ["x"], "properties": {"x": {"type": "number"}}}}
    },
}


def test_operations_parameters_and_shapes_are_told_in_words():
    api = read_api(DOCUMENT)
    ((tag, (operation,)),) = api.groups
    assert (tag, operation.method, operation.path) == ("cinema", "GET", "/seats/{id}")
    assert [one.type.words for one in operation.parameters] == ["string, up to 9 characters", "integer or null"]
    assert operation.answers[0].type == TypeName("list of", "Seat")
    (shape,) = api.shapes
    assert shape.name == "Seat" and shape.fields[0].required
