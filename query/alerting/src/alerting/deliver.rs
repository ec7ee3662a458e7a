//! The loop that sends notifications: the dispatcher says what and when, tasks do the HTTP.

use super::{Alerting, wait};
use crate::notify::{DeliveryError, Notification, Sender};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

impl Alerting {
    /// Sends what is due until `shutdown`; attempts under way are given up then.
    pub(super) async fn deliver_until(&self, shutdown: &CancellationToken) {
        let sender = match Sender::new() {
            Ok(sender) => sender,
            Err(error) => {
                tracing::error!(%error, "no notifications: the HTTP client cannot be built");
                return;
            }
        };
        // The dispatcher hands out a bounded number at once.
        let mut attempts = JoinSet::new();
        loop {
            let now = self.now_ms();
            let (due, next) = match self.dispatcher.lock().as_mut() {
                Some(dispatcher) => (dispatcher.due(now), dispatcher.next_due()),
                None => (Vec::new(), None),
            };
            for notification in due {
                attempts.spawn(attempt(sender.clone(), notification));
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.alerts_changed.notified() => {}
                () = tokio::time::sleep(wait(now, next)) => {}
                Some(outcome) = attempts.join_next() => self.settle(outcome),
            }
        }
    }

    fn settle(&self, outcome: Result<Outcome, tokio::task::JoinError>) {
        let Outcome { notification, result } = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "a notification's task died");
                return;
            }
        };
        if let Err(error) = &result {
            let (receiver, attempt) = (&notification.receiver, notification.attempt);
            let retries = error.is_retryable();
            tracing::warn!(%receiver, attempt, %error, retries, "notification failed");
        }
        if let Some(dispatcher) = self.dispatcher.lock().as_mut() {
            dispatcher.result(self.now_ms(), notification.id, result);
        }
    }
}

struct Outcome {
    notification: Notification,
    result: Result<(), DeliveryError>,
}

async fn attempt(sender: Sender, notification: Notification) -> Outcome {
    let result = sender.deliver(&notification).await;
    Outcome { notification, result }
}
