"""The notifier: hears of ended jobs and tells people and programs."""
