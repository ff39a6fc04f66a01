//! `invoice`: the billing side, which no token reaches.

use clap::Subcommand;
use service::invoice::{self, InvoiceWithLines, NewInvoice};
use service::value::{Date, Id, Money, Percent};
use service::{Error, Operator};

use super::manage::value;
use super::{Common, Failure, internal, print};

#[derive(Subcommand)]
pub(super) enum Invoice {
    /// Bill a client's time, fees and expenses that are not billed yet, as a draft.
    Create {
        /// The workspace's id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
        /// The client's id.
        #[arg(long, value_parser = value::<Id>)]
        client: Id,
        /// The first day to bill, YYYY-MM-DD.
        #[arg(long, value_parser = value::<Date>)]
        from: Date,
        /// The last day to bill, YYYY-MM-DD.
        #[arg(long, value_parser = value::<Date>)]
        to: Date,
        /// What to take off the subtotal.
        #[arg(long, value_parser = value::<Money>)]
        discount: Option<Money>,
        /// The tax rate in percent; the client's unless said.
        #[arg(long, value_parser = value::<Percent>)]
        tax_rate: Option<Percent>,
    },
    /// A draft is with the client now.
    Send {
        /// The invoice's id.
        #[arg(long, value_parser = value::<Id>)]
        invoice: Id,
    },
    /// A payment came.
    Pay {
        /// The invoice's id.
        #[arg(long, value_parser = value::<Id>)]
        invoice: Id,
        /// How much; all that is open unless said.
        #[arg(long, value_parser = value::<Money>)]
        amount: Option<Money>,
    },
    /// A payment did not come.
    FailPayment {
        /// The invoice's id.
        #[arg(long, value_parser = value::<Id>)]
        invoice: Id,
        /// How much; all that is open unless said.
        #[arg(long, value_parser = value::<Money>)]
        amount: Option<Money>,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Everything that was paid was given back.
    Refund {
        /// The invoice's id.
        #[arg(long, value_parser = value::<Id>)]
        invoice: Id,
    },
    /// Withdraw an invoice that is not paid; what it billed can be billed again.
    Cancel {
        /// The invoice's id.
        #[arg(long, value_parser = value::<Id>)]
        invoice: Id,
    },
}

impl Invoice {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let operator = Operator::of(&common.open().await?);
        let made = self.carry_out(&operator).await.map_err(internal)?;
        let InvoiceWithLines { invoice, lines } = &made;
        let mut words = format!(
            "{}  {}  {} ({})  {} {}  {}",
            invoice.id,
            invoice.number,
            invoice.status,
            invoice.payment_status,
            invoice.total,
            invoice.currency,
            invoice.bill_to_name,
        );
        for line in lines {
            words.push_str(&format!(
                "\n  {} x {} = {}  {}",
                line.quantity, line.unit_price, line.amount, line.description
            ));
        }
        print::outcome(common.json, &made, words)
    }

    async fn carry_out(self, operator: &Operator) -> Result<InvoiceWithLines, Error> {
        match self {
            Invoice::Create { workspace, client, from, to, discount, tax_rate } => {
                invoice::create(operator, workspace, NewInvoice { client, from, to, discount, tax_rate }).await
            }
            Invoice::Send { invoice } => invoice::send(operator, invoice).await,
            Invoice::Pay { invoice, amount } => invoice::pay(operator, invoice, amount).await,
            Invoice::FailPayment { invoice, amount, reason } => {
                invoice::fail_payment(operator, invoice, amount, reason).await
            }
            Invoice::Refund { invoice } => invoice::refund(operator, invoice).await,
            Invoice::Cancel { invoice } => invoice::cancel(operator, invoice).await,
        }
    }
}
