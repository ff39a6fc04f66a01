//! `/clients`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::client::{self, Client, ClientFilter, ClientSort, CreateClientInput, UpdateClientInput};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Changed, Created, List, NoContent, Tagged};
use crate::rest::extract::{Access, Body, IfMatch, PathId, Query};

pub struct Clients;

#[OpenApi(tag = "Tag::Clients")]
impl Clients {
    /// List clients
    ///
    /// Clients of the workspace. `search` looks in name, contact name and email.
    #[oai(path = "/clients", method = "get", operation_id = "listClients")]
    async fn list_clients(
        &self,
        Access(cx): Access,
        query: Query<ClientFilter, ClientSort>,
    ) -> Result<List<Client>, Rejection> {
        Ok(List(client::list(&cx, &query.0).await?))
    }

    /// Create a client
    ///
    /// Creates a client and sends the event `client.created`.
    #[oai(path = "/clients", method = "post", operation_id = "createClient")]
    async fn create_client(
        &self,
        Access(cx): Access,
        body: Body<CreateClientInput>,
    ) -> Result<Created<Client>, Rejection> {
        Ok(Created { written: client::create(&cx, body.0).await?, list: "/clients" })
    }

    /// Get a client
    ///
    /// Returns one client.
    #[oai(path = "/clients/:id", method = "get", operation_id = "getClient")]
    async fn get_client(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<Client>, Rejection> {
        Ok(Tagged(client::get(&cx, id.0.into()).await?))
    }

    /// Change a client
    ///
    /// Changes the fields that are sent. Existing projects, expenses and invoices keep their rates, currencies and
    /// names.
    #[oai(path = "/clients/:id", method = "patch", operation_id = "updateClient")]
    async fn update_client(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
        body: Body<UpdateClientInput>,
    ) -> Result<Changed<Client>, Rejection> {
        Ok(Changed(client::update(&cx, id.0.into(), &expected.0, body.0).await?))
    }

    /// Delete a client
    ///
    /// Deletes a client. Refused while it has active projects (409 `active_projects`) or invoices that are not
    /// cancelled (409 `has_invoices`). Its projects and expenses stay.
    #[oai(path = "/clients/:id", method = "delete", operation_id = "deleteClient")]
    async fn delete_client(
        &self,
        Access(cx): Access,
        id: Path<PathId>,
        #[oai(name = "If-Match")] expected: IfMatch,
    ) -> Result<NoContent, Rejection> {
        Ok(NoContent(client::delete(&cx, id.0.into(), &expected.0).await?))
    }
}
