"""What a crowd does to others: slow clients and large uploads beside requests that are small."""
