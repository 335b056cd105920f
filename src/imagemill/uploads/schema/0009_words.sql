CREATE VIRTUAL TABLE image_words
USING fts5 (words, tokenize = 'ascii', detail = 'none', columnsize = 0);
