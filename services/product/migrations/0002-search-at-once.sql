-- GIN indexes collect new entries in a list that every search reads through until autovacuum comes by: after an import of
-- a thousand products that made searches five times slower for a minute. Writing the entries at once costs the import
-- little and searches nothing.
alter index product_search set (fastupdate = off);
alter index search_word_trigrams set (fastupdate = off);
select gin_clean_pending_list('product_search'), gin_clean_pending_list('search_word_trigrams');
