"""From statements and facts to a judgement: conditions, rule files, judging, explaining, linting."""
