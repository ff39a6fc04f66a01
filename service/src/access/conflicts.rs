//! Which states block an action: the reasons that its refusals with the code `conflict` can have, besides those of the
//! idempotency key and of a stale version. The documents name them for each operation, and the door holds every action to them.

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::reason::Reason;

/// The reasons that any write can have, whatever its action: those of its key and of its precondition.
const OF_EVERY_WRITE: [Reason; 4] =
    [Reason::IdempotencyMismatch, Reason::IdempotencyInFlight, Reason::IdempotencyRoleChanged, Reason::Stale];

impl Action {
    /// The reasons for which the state of records can block it.
    pub const fn conflicts(self) -> &'static [Reason] {
        use Reason::*;
        match self {
            Action::DeleteClient => &[ActiveProjects, HasInvoices],
            Action::UpdateProject => &[HasExpenses, Invoiced, ClientDeleted],
            Action::RestoreProject => &[ClientDeleted, ExternalIdTaken],
            Action::DeleteProject => &[Invoiced, TimerRunning],
            Action::UpdateTask => &[HasTime],
            Action::RestoreTask => &[ProjectDeleted, ExternalIdTaken],
            Action::CreateTimeEntry | Action::CreateTimeEntries | Action::StartTimer => &[ProjectNotActive],
            Action::UpdateTimeEntry => &[Invoiced, ProjectNotActive],
            Action::StopTimer | Action::StopRunningTimer => &[NotRunning],
            Action::DeleteTimeEntry | Action::UpdateExpense | Action::DeleteExpense => &[Invoiced],
            Action::CreateWebhookEndpoint => &[EndpointCap],
            Action::TestWebhookEndpoint => &[EndpointDisabled, PendingCap],
            Action::ReplayWebhookDelivery => &[DeliveryPending, EndpointDisabled, EndpointDeleted, PendingCap],
            Action::ReplayWebhookDeliveries => &[PendingCap],
            Action::AddPasskey => &[PasskeyCap],
            Action::CreateToken => &[TokenCap],
            Action::AddMember => &[MemberCap, AlreadyMember],
            Action::SetMemberRole | Action::RemoveMember => &[LastOwner],
            Action::PreviewInvoice => &[NothingToBill, OtherCurrency, AmountTooLarge],
            Action::CreateInvoice => &[NothingToBill, OtherCurrency, AmountTooLarge, PreviewOutdated],
            Action::SendInvoice | Action::CancelInvoice => &[InvoiceSent, InvoicePaid, InvoiceCancelled],
            Action::RecordPayment | Action::RecordFailedPayment => &[InvoiceDraft, InvoicePaid, InvoiceCancelled],
            Action::RefundInvoice => &[InvoiceDraft, InvoiceSent, InvoicePaid, InvoiceCancelled, NothingToRefund],
            _ => &[],
        }
    }

    /// Whether a refusal is one that the documents name for this action: one that they do not is a mistake of ours, which
    /// every test that meets it finds.
    pub(crate) fn may_end_in(self, refused: &Error) -> bool {
        match refused {
            Error::Conflict { reason, .. } => self.conflicts().contains(reason) || OF_EVERY_WRITE.contains(reason),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_belongs_to_an_action_or_to_every_write() {
        // A subscription is no action.
        let others = [Reason::SubscriptionCap];
        for reason in Reason::ALL {
            let named = Action::ALL.iter().any(|action| action.conflicts().contains(reason));
            let elsewhere = OF_EVERY_WRITE.contains(reason) || others.contains(reason);
            assert_ne!(named, elsewhere, "{reason}");
        }
    }
}
