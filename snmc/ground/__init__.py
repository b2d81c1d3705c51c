"""The ground floor: constants and units, errors, columns, random streams, kinematics."""
