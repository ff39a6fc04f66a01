//! Lists through the door: a page of one list, or the first rows of each of many parents.

use std::collections::HashMap;

use entity::cells::{Shown, TableRow};
use entity::value::Id;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, QueryTrait, Select};

use crate::access::action::Action;
use crate::contract::caller::Caller;
use crate::contract::error::Error;
use crate::door::Cx;
use crate::door::confirm::beside_epoch;
use crate::list::nested::{Below, PARENT, Relation};
use crate::list::page::{ListArgs, Listed, MAX_TOTAL, Page, Pages, Total};
use crate::list::question::{List, Question};

/// Parents whose first rows are read at once, where the request is.
const SHORT_PARENTS: usize = 200;

impl Cx {
    /// Check, validate, and look at one page of a list.
    pub(crate) async fn list<E: Listed>(
        &self,
        action: Action,
        args: &ListArgs<E::Filter, E::Sort>,
    ) -> Result<Page<E::Model>, Error>
    where
        E::Model: TableRow,
    {
        self.list_of::<E>(action, args, "", true, |query| query).await
    }

    /// A page of the rows below a parent: `parent` distinguishes their lists in cursors.
    pub(crate) async fn list_below<E: Listed>(
        &self,
        action: Action,
        args: &ListArgs<E::Filter, E::Sort>,
        parent: &str,
        narrow: impl Fn(Select<E>) -> Select<E>,
    ) -> Result<Page<E::Model>, Error>
    where
        E::Model: TableRow,
    {
        self.list_of::<E>(action, args, parent, false, narrow).await
    }

    /// `is_whole` says that it is not narrowed, so that the text of its statement is that of others.
    async fn list_of<E: Listed>(
        &self,
        action: Action,
        args: &ListArgs<E::Filter, E::Sort>,
        parent: &str,
        is_whole: bool,
        narrow: impl Fn(Select<E>) -> Select<E>,
    ) -> Result<Page<E::Model>, Error>
    where
        E::Model: TableRow,
    {
        let identity = args.identity() + parent;
        let postgres = self.0.door.core.database().is_postgres();
        let mut charged = false;
        loop {
            let list = List::of::<E>(self.caller().organization_id, &identity);
            let question = match Question::<E>::check(self.caller(), self.allow(action), args, list, postgres) {
                Ok(question) => question,
                // What is refused is refused by what is so now.
                Err(refused) if self.is_confirmed() => return Err(refused),
                Err(_) => {
                    self.confirm().await?;
                    continue;
                }
            };
            if !charged {
                self.charge_points(args.points()).await?;
                charged = true;
            }
            let reader = self.reader(!args.is_narrow());
            let (backend, confirms) = (reader.get_database_backend(), !self.is_confirmed());
            let beside = |caller: &Caller, page: SelectStatement| match confirms {
                true => beside_epoch(page, caller.organization_id),
                false => page,
            };
            let is_short = is_whole && args.is_plain();
            let ready = match is_short {
                true => question.ready(self.caller(), backend, confirms, beside),
                false => {
                    let page = question.select(narrow(E::within(self.caller()))).into_query();
                    backend.build(&beside(self.caller(), page)).into()
                }
            };
            let Some(rows) = self.fetch::<Shown<E::Model>>(&reader, &ready, confirms, is_short).await? else {
                continue;
            };
            let rows = rows.into_iter().map(|Shown(row)| row).collect();
            let mut page = question.page(rows, E::id);
            if args.counts() {
                let reader = self.reader(true);
                let query = narrow(E::within(self.caller()));
                let statement = reader.get_database_backend().build(&question.counted(query));
                let row = reader.query_one_raw(statement).await?.ok_or_else(|| Error::bug("a count gave no row"))?;
                let rows: i64 = row.try_get("", "rows")?;
                page.total = Some(Total { rows: rows.min(MAX_TOTAL), capped: rows > MAX_TOTAL });
            }
            return Ok(page);
        }
    }

    /// Check, validate, and look at the first rows of each parent, in one statement. The parents are distinct.
    pub(crate) async fn list_of_parents<E: Listed, T>(
        &self,
        action: Action,
        relation: Relation<E>,
        parents: &[Id],
        args: &ListArgs<E::Filter, E::Sort>,
        show: impl Fn(E::Model) -> T,
    ) -> Result<Pages<T>, Error>
    where
        E::Model: TableRow,
    {
        self.confirm().await?;
        let postgres = self.0.door.core.database().is_postgres();
        let list = relation.lists(self.caller().organization_id, args);
        let ask = |id: Id| Question::<E>::check(self.caller(), self.allow(action), args, list(id), postgres);
        // Without a cursor the questions differ in nothing but the lists that new cursors belong to.
        let questions: Vec<_> = match (parents.first().map(|id| ask(*id)), args.cursor.is_sent()) {
            (Some(Ok(question)), false) => parents.iter().map(|id| Ok(question.of_list(list(*id)))).collect(),
            _ => parents.iter().map(|id| ask(*id)).collect(),
        };
        let indexes: HashMap<Id, usize> = parents.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let mut rows: Vec<Vec<E::Model>> = parents.iter().map(|_| vec![]).collect();
        let mut counts = vec![0; parents.len()];
        if let Some(question) = questions.iter().find_map(|question| question.as_ref().ok()) {
            let reader = self.reader(!args.is_narrow());
            let backend = reader.get_database_backend();
            let statement = relation.first_of_each(question, self.caller(), parents, backend, args);
            // By the index of their parents, if these are not sorted otherwise.
            let is_short =
                args.is_plain() && args.is_newest_first() && relation.is_direct() && parents.len() <= SHORT_PARENTS;
            let found: Vec<Below<E::Model>> = match is_short {
                true => reader.few_rows(&statement).await?,
                false => reader.rows(&statement).await?,
            };
            let mut last = None;
            for Below { parent, row } in found {
                // Mostly those of a parent lie together.
                let index = match last {
                    Some((of, index)) if of == parent => index,
                    _ => *indexes.get(&parent).ok_or_else(|| Error::bug("a row is below no parent"))?,
                };
                last = Some((parent, index));
                rows[index].push(row);
            }
            rows.iter_mut().for_each(|rows| question.sort(rows, E::id));
            if args.counts() {
                let statement = relation.count_of_each(question, E::within(self.caller()), parents);
                let statement = reader.get_database_backend().build(&statement);
                for row in reader.query_all_raw(statement).await? {
                    if let Some(index) = indexes.get(&row.try_get("", PARENT)?) {
                        counts[*index] = row.try_get("", "rows")?;
                    }
                }
            }
        }
        let total = |rows: i64| Total { rows: rows.min(MAX_TOTAL), capped: rows > MAX_TOTAL };
        let pages = questions.into_iter().zip(rows).zip(counts).map(|((question, rows), count)| {
            let mut page = question?.page(rows, E::id).map(&show);
            page.total = args.counts().then(|| total(count));
            Ok(page)
        });
        Ok(pages.collect())
    }
}
