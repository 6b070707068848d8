"""What every worker on a database obeys, judged inside the transaction of the append that asks leave."""
