//! `/invoices`: read only. Invoices are made, sent and settled on the settings pages or by the operator.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::invoice::{self, Invoice, InvoiceFilter, InvoiceSort, InvoiceWithLines};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{List, Tagged};
use crate::rest::extract::{Access, PathId, Query};

pub struct Invoices;

#[OpenApi(tag = "Tag::Invoices")]
impl Invoices {
    /// List invoices
    ///
    /// Invoices of the workspace, without their lines. `search` looks in the number.
    #[oai(path = "/invoices", method = "get", operation_id = "listInvoices")]
    async fn list_invoices(
        &self,
        Access(cx): Access,
        query: Query<InvoiceFilter, InvoiceSort>,
    ) -> Result<List<Invoice>, Rejection> {
        Ok(List(invoice::list(&cx, &query.0).await?))
    }

    /// Get an invoice
    ///
    /// Returns one invoice with its lines.
    #[oai(path = "/invoices/:id", method = "get", operation_id = "getInvoice")]
    async fn get_invoice(&self, Access(cx): Access, id: Path<PathId>) -> Result<Tagged<InvoiceWithLines>, Rejection> {
        Ok(Tagged(invoice::get(&cx, id.0.into()).await?))
    }
}
