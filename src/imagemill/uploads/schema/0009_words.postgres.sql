-- The terms of each image as they are, without any dictionary: see `words.py`.
CREATE TABLE image_words (
    number BIGINT PRIMARY KEY,
    words TSVECTOR NOT NULL
);

CREATE INDEX image_words_by_term ON image_words USING GIN (words);
