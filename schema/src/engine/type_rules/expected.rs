//! What may stand where a variable is used (section 5.8.5).

use async_graphql::parser::types::{BaseType, Type};

/// What is expected where a variable stands.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    /// A value of this type.
    Type(&'a Type),
    /// The `if` of `@skip` and `@include`.
    Condition,
}

impl Expected<'_> {
    /// Whether it takes every value of a variable of this type.
    pub(super) fn takes(self, variable: &Type, has_default: bool) -> bool {
        match self {
            Expected::Type(ty) if has_default && !ty.nullable => fits(variable, &ty.base, true),
            Expected::Type(ty) => fits(variable, &ty.base, ty.nullable),
            Expected::Condition => {
                let is_boolean = matches!(&variable.base, BaseType::Named(name) if name == "Boolean");
                is_boolean && (!variable.nullable || has_default)
            }
        }
    }

    /// What it is called in messages.
    pub(super) fn name(self) -> String {
        match self {
            Expected::Type(ty) => ty.to_string(),
            Expected::Condition => "Boolean!".to_owned(),
        }
    }
}

/// Whether every value of a variable is one of this base, or null if that may stand here.
fn fits(variable: &Type, expected: &BaseType, nullable: bool) -> bool {
    if variable.nullable && !nullable {
        return false;
    }
    match (&variable.base, expected) {
        (BaseType::Named(own), BaseType::Named(name)) => own == name,
        (BaseType::List(own), BaseType::List(item)) => fits(own, &item.base, item.nullable),
        _ => false,
    }
}
