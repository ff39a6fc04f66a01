//! Which paths exist and which methods they take. It is asked before anything else, since an unknown path is 404 and an
//! unknown method 405 for every caller. Read from the operations themselves.

use std::collections::HashMap;
use std::sync::Arc;

use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::MetaParamIn;
use service::{Action, Feature};

/// The paths of the REST surface, by their first segment, which is fixed.
pub struct Routes(HashMap<String, Vec<(Vec<Segment>, Methods)>>);

enum Segment {
    Text(String),
    Parameter,
}

/// The methods that one path takes.
#[derive(Default)]
pub struct Methods(Vec<(Method, OperationFacts)>);

/// Whether an operation takes a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// It takes none; `{}` counts as none.
    Nothing,
    /// It takes one, which may be left out.
    Optional,
    /// It needs one.
    Body,
}

/// What the pipeline needs to know of an operation.
#[derive(Clone, Debug)]
pub struct OperationFacts {
    /// The template of its path, below the base.
    pub route: Arc<str>,
    /// Whether it reads a body.
    pub body: Takes,
    /// Whether it reads parameters of the query.
    pub query: bool,
    /// The feature that the plan must have.
    pub feature: Feature,
    /// What is done, for the policy.
    pub action: Option<Action>,
}

impl Routes {
    /// Reads the paths of these operations.
    pub fn of<A: OpenApi>() -> Routes {
        let mut routes: Vec<(String, Methods)> = Vec::new();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            let index = routes.iter().position(|(known, _)| *known == path.path).unwrap_or_else(|| {
                routes.push((path.path.clone(), Methods::default()));
                routes.len() - 1
            });
            for operation in path.operations {
                let body = match operation.request {
                    None => Takes::Nothing,
                    Some(request) if request.required => Takes::Body,
                    Some(_) => Takes::Optional,
                };
                let query = operation.params.iter().any(|parameter| parameter.in_type == MetaParamIn::Query);
                let named = operation.operation_id.unwrap_or_default();
                let action = Action::ALL.iter().copied().find(|action| action.operation_id() == named);
                let feature = action.map_or(Feature::ApiAccess, |action| action.feature());
                let route = path.path.as_str().into();
                routes[index].1.0.push((operation.method, OperationFacts { route, body, query, feature, action }));
            }
        }
        // A fixed segment comes before a parameter in the same place.
        routes.sort_by_key(|(path, _)| path.matches('{').count());
        let mut by_first: HashMap<String, Vec<_>> = HashMap::new();
        for (path, methods) in routes {
            let first = segments(&path).next().unwrap_or_default().to_owned();
            by_first.entry(first).or_default().push((segments(&path).map(Segment::new).collect(), methods));
        }
        Routes(by_first)
    }

    /// The methods of a path, if the path exists.
    pub fn find(&self, path: &str) -> Option<&Methods> {
        let matches = |route: &[Segment]| {
            let mut sent = segments(path);
            route.iter().all(|segment| sent.next().is_some_and(|text| segment.fits(text))) && sent.next().is_none()
        };
        let alike = self.0.get(segments(path).next()?)?;
        alike.iter().find(|(route, _)| matches(route)).map(|(_, methods)| methods)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

impl Segment {
    fn new(text: &str) -> Segment {
        if text.starts_with('{') || text.starts_with(':') { Segment::Parameter } else { Segment::Text(text.into()) }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Segment::Text(own) => own == text,
            Segment::Parameter => !text.is_empty(),
        }
    }
}

impl Methods {
    /// The operation of a method.
    pub fn get(&self, method: &Method) -> Option<OperationFacts> {
        self.0.iter().find(|(own, _)| own == method).map(|(_, operation)| operation.clone())
    }

    /// Whether the path takes a method.
    pub fn takes(&self, method: &Method) -> bool {
        self.get(method).is_some()
    }

    /// The methods for `Allow`: HEAD wherever GET is, and OPTIONS.
    pub fn allowed(&self) -> Vec<Method> {
        let mut allowed: Vec<Method> = self.0.iter().map(|(method, _)| method.clone()).collect();
        if self.takes(&Method::GET) {
            allowed.push(Method::HEAD);
        }
        allowed.push(Method::OPTIONS);
        allowed
    }
}
