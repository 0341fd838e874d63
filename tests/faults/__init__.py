"""What the tests of faults share: processes, servers, disks, and what befalls them."""
