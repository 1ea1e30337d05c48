"""From a challenger to the champion, or not."""
