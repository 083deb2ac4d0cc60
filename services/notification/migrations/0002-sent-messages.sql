-- Sent messages by age, for the clean-up.
create index message_sent on message (sent_at) where state = 'sent';
