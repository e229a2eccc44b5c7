//! What the document says of the leniency with which requests are read.
//!
//! A handler says what a field is: a text, a whole number, a switch, and from where to where.
//! That a number may also come as text, a text as a number, and that `null` or the empty text
//! stand for nothing, is so for all of them, because one reader reads them all
//! ([`crate::api::framework::body`], [`crate::api::framework::params`]); so it is said for all of them here, and no handler can
//! forget it. The schemas are what is accepted, no less; where a rule is beyond what a schema
//! can say (bytes of a text, whether it is an invoice), they are more, and the refusal says why.

use std::collections::BTreeSet;

use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, AnyOf, AnyOfBuilder, ArrayItems, Schema, SchemaType, Type};
use utoipa::openapi::{Components, Object, ObjectBuilder, OpenApi, Ref, RefOr, Required};
use utoipa::{Number, ToSchema};

use crate::api::framework::document::operations;
use crate::api::framework::fields;
use crate::api::framework::numerals;
use crate::api::framework::params::VALUE_BYTES_MAX;

/// A text without the one character that no store can keep.
pub const STORABLE: &str = "^[^\\u0000]*$";
/// A switch as text.
const SWITCH: &str =
    "^\\s*([Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo]([Nn]|[Ff][Ff])|[01](\\.0)?)\\s*$";
/// An id of 16 bytes, as it stands in a path.
pub const ID: &str = "^[0-9a-fA-F]{32}$";
/// A payment hash.
pub const HASH: &str = "^[0-9a-fA-F]{64}$";

/// A schema of a text that must be one of some words.
pub fn words(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// A schema of a body in which one of these texts must stand at least, though they may all be
/// absent where the same body is sent to change something.
pub fn requiring<T: ToSchema>(fields: &[&str]) -> Schema {
    let one = fields.iter().fold(AnyOfBuilder::new(), |one, field| one.item(with_all(&[field])));
    AllOfBuilder::new().item(Ref::from_schema_name(T::name())).item(one).into()
}

/// As [`requiring`], where all of the texts must stand in the body.
pub fn requiring_all<T: ToSchema>(fields: &[&str]) -> Schema {
    AllOfBuilder::new().item(Ref::from_schema_name(T::name())).item(with_all(fields)).into()
}

/// An object with these texts in it.
fn with_all(fields: &[&str]) -> Object {
    let text =
        || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Number])).min_length(Some(1));
    let object =
        fields.iter().fold(ObjectBuilder::new(), |object, field| object.property(*field, text()).required(*field));
    object.build()
}

/// A schema of a time in a body, from 1970 to `seconds_max`.
pub fn time_in_body(seconds_max: isize, description: &str) -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)).maximum(Some(seconds_max)).build();
    let text = pattern(&numerals::moment_since_1970());
    AnyOfBuilder::new().item(number).item(text).description(Some(description)).into()
}

/// A schema of a time in a query.
pub fn moment() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(numerals::moment())).build()
}

/// Says of all requests how leniently they are read.
pub fn widen(document: &mut OpenApi) {
    let Some(mut components) = document.components.take() else { return };
    let mut names = BTreeSet::new();
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    widen_parameter(parameter);
                }
            }
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                let contents = || {
                    body.content.values().filter_map(|content| match content {
                        RefOr::T(content) => content.schema.as_ref(),
                        RefOr::Ref(_) => None,
                    })
                };
                let of_body: BTreeSet<_> = contents().flat_map(|schema| objects_of(schema, &components)).collect();
                // No body at all is read as an empty object.
                let needs_one = contents().any(|schema| matches!(schema, RefOr::T(Schema::AllOf(_))))
                    || of_body.iter().any(|name| match components.schemas.get(name) {
                        Some(RefOr::T(Schema::Object(object))) => !object.required.is_empty(),
                        _ => false,
                    });
                body.required = Some(if needs_one { Required::True } else { Required::False });
                names.extend(of_body);
            }
        }
    }
    for name in with_parts(names, &components) {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&name) {
            let required = object.required.clone();
            for (name, property) in &mut object.properties {
                widen_property(name, property, required.contains(name));
            }
        }
    }
    document.components = Some(components);
}

/// These objects, and those that their fields are made of.
fn with_parts(names: BTreeSet<String>, components: &Components) -> BTreeSet<String> {
    let mut open: Vec<_> = names.iter().cloned().collect();
    let mut all = names;
    while let Some(name) = open.pop() {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get(&name) {
            let parts = object.properties.values().flat_map(|property| objects_of(property, components));
            open.extend(parts.filter(|part| all.insert(part.clone())).collect::<Vec<_>>());
        }
    }
    all
}

/// The names of the objects that a schema is made of.
fn objects_of(schema: &RefOr<Schema>, components: &Components) -> Vec<String> {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default().to_owned();
            match components.schemas.get(&name) {
                Some(RefOr::T(Schema::Object(_))) | None => vec![name],
                Some(schema) => objects_of(schema, components),
            }
        }
        RefOr::T(Schema::AllOf(all_of)) => all_of.items.iter().flat_map(|item| objects_of(item, components)).collect(),
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.iter().flat_map(|item| objects_of(item, components)).collect(),
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(items) => objects_of(items, components),
            ArrayItems::False => Vec::new(),
        },
        RefOr::T(_) => Vec::new(),
    }
}

fn widen_property(name: &str, property: &mut RefOr<Schema>, is_required: bool) {
    let nothing = || [empty(), ObjectBuilder::new().schema_type(Type::Null).build()];
    match property {
        RefOr::T(Schema::Object(object)) => {
            fields::complete(name, object);
            let mut forms = match kind_of(object) {
                Some(Type::Integer) => vec![object.clone(), number_as_text(object)],
                Some(Type::Boolean) => vec![object.clone(), pattern(SWITCH), integer(0, 1)],
                Some(Type::String) => texts(object, fields::may_be_number(name)),
                Some(Type::Object) => vec![object.clone()],
                Some(Type::Number | Type::Array | Type::Null) | None => return,
            };
            if !is_required {
                forms.extend(nothing());
            }
            *property = RefOr::T(either(object, forms));
        }
        // The handler names the forms itself.
        RefOr::T(Schema::AnyOf(any_of)) if !is_required => {
            any_of.items.extend(nothing().map(|form| RefOr::T(Schema::Object(form))));
        }
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

fn widen_parameter(parameter: &mut Parameter) {
    let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema else { return };
    let kind = kind_of(object);
    if kind == Some(Type::String) && object.enum_values.is_none() && object.pattern.is_none() {
        object.pattern = Some(match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Path, name) if name == "id" || name.ends_with("_id") => ID.to_owned(),
            (ParameterIn::Path, "payment_hash") => HASH.to_owned(),
            _ => STORABLE.to_owned(),
        });
    }
    if parameter.parameter_in == ParameterIn::Query && object.pattern.as_deref() == Some(STORABLE) {
        object.max_length = object.max_length.or(Some(VALUE_BYTES_MAX));
    }
    if kind == Some(Type::Integer) && object.maximum.is_none() {
        // However large a number is, it is read.
        object.format = None;
    }
    // A header or a query holds texts, and no null.
    object.schema_type = kind.clone().map_or(SchemaType::AnyValue, SchemaType::Type);
    if parameter.required == Required::True {
        if kind == Some(Type::String) {
            object.min_length = object.min_length.or(Some(1));
        }
        return;
    }
    // A parameter without a value is one that is not given.
    if parameter.parameter_in == ParameterIn::Query {
        let mut forms = vec![object.clone()];
        if kind == Some(Type::Boolean) {
            forms.push(pattern(SWITCH));
        }
        if !admits_empty(object) {
            forms.push(empty());
        }
        parameter.schema = Some(RefOr::T(either(object, forms)));
    }
}

/// What a schema is of, when it is not null.
fn kind_of(object: &Object) -> Option<Type> {
    match &object.schema_type {
        SchemaType::Type(kind) => Some(kind.clone()),
        SchemaType::Array(kinds) => kinds.iter().find(|kind| **kind != Type::Null).cloned(),
        SchemaType::AnyValue => None,
    }
}

fn admits_empty(object: &Object) -> bool {
    kind_of(object) == Some(Type::String)
        && object.enum_values.is_none()
        && object.pattern.as_deref().is_none_or(|pattern| pattern == STORABLE)
        && object.min_length.is_none_or(|length| length == 0)
}

/// The forms of a text: it may be a number, unless it must look like something that no number
/// looks like.
fn texts(object: &Object, may_be_number: bool) -> Vec<Object> {
    let mut text = object.clone();
    if text.enum_values.is_none() {
        text.min_length = Some(text.min_length.unwrap_or(0).max(1));
        text.pattern = text.pattern.or_else(|| Some(STORABLE.to_owned()));
    }
    let mut forms = vec![text];
    if may_be_number {
        forms.push(ObjectBuilder::new().schema_type(Type::Number).build());
    }
    forms
}

/// The texts that stand for the numbers of a schema.
fn number_as_text(object: &Object) -> Object {
    let bound = |bound: &Option<Number>, default: i64| match bound {
        Some(Number::Int(number)) => i64::try_from(*number).unwrap_or(default),
        Some(Number::UInt(number)) => i64::try_from(*number).unwrap_or(default),
        Some(Number::Float(_)) | None => default,
    };
    pattern(&numerals::integers(bound(&object.minimum, i64::MIN), bound(&object.maximum, i64::MAX)))
}

fn integer(minimum: isize, maximum: isize) -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(minimum)).maximum(Some(maximum)).build()
}

fn pattern(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

fn empty() -> Object {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(0)).build()
}

/// Any of these forms, described as one.
fn either(of: &Object, forms: Vec<Object>) -> Schema {
    let mut forms: Vec<_> = forms.into_iter().map(undescribed).collect();
    if let [only] = forms.as_mut_slice() {
        let mut only = only.clone();
        only.description.clone_from(&of.description);
        only.example.clone_from(&of.example);
        only.examples.clone_from(&of.examples);
        only.default.clone_from(&of.default);
        return Schema::Object(only);
    }
    let mut any_of = AnyOf::new();
    any_of.items = forms.into_iter().map(|form| RefOr::T(Schema::Object(form))).collect();
    any_of.description.clone_from(&of.description);
    any_of.example.clone_from(&of.example);
    any_of.examples.clone_from(&of.examples);
    any_of.default.clone_from(&of.default);
    Schema::AnyOf(any_of)
}

fn undescribed(mut form: Object) -> Object {
    form.schema_type = kind_of(&form).map_or(SchemaType::AnyValue, SchemaType::Type);
    form.description = None;
    form.example = None;
    form.examples = Vec::new();
    form.default = None;
    form
}
