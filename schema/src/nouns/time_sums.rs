//! The sums of time, which the rows and the total of a report have, and the totals of projects and clients.

/// Writes an object of sums: those of the field `$sums`, and the fields in the braces.
macro_rules! time_sums {
    (
        $(#[doc = $about:literal])+
        $object:ident as $name:literal: $sums:tt,
        $(#[doc = $amounts:literal])+
        amounts { $($more:tt)* }
    ) => {
        $(#[doc = $about])+
        #[async_graphql::Object(name = $name)]
        impl $object {
            $($more)*

            /// The time, in seconds. Running timers are not included.
            async fn seconds(&self) -> $crate::engine::long::Long {
                $crate::engine::long::Long(self.$sums.seconds)
            }

            /// The part of it that can be billed, in seconds.
            async fn billable_seconds(&self) -> $crate::engine::long::Long {
                $crate::engine::long::Long(self.$sums.billable_seconds)
            }

            /// The number of time entries.
            async fn entries(&self) -> i64 {
                self.$sums.entries
            }

            $(#[doc = $amounts])+
            async fn amounts(&self) -> Option<$crate::engine::object::Outputs<service::report::TimeReportAmount>> {
                self.$sums.amounts.get().cloned().map($crate::engine::object::Outputs)
            }
        }
    };
}

pub(crate) use time_sums;
