"""What people look at afterwards: pages and exports made from a segment's timeline."""
